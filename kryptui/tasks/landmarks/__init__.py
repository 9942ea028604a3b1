"""Landmarks: where are the eyes, the nose and the corners of the mouth of a face?"""
